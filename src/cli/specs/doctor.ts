import type { CommandSpec } from "../command.ts";
import { connectionOptions } from "../connection.ts";

export const doctorSpec: CommandSpec = {
  name: "doctor",
  summary: "find out whether locks work here, and what is wrong if not",
  usage: ["doctor [options]"],
  description: [
    "Asks each endpoint by itself, then signs in, writes, reads and watches a key below the namespace, takes a lock, and hands it to another client. Each look is a line that begins with ok, warn or FAIL; what to do about it stands below. It takes a second or so, and leaves nothing behind.",
    "It looks at: TLS and certificates, versions with known faults, whether the endpoints belong to one cluster and agree on their leader, alarms and the size of the database, users and their rights, the time that writes take compared with --ttl, the leases that etcd grants, and clocks.",
    "Ends with 0 if locks work, with warnings too; 1 if something is wrong; 69 if etcd cannot be reached or cannot serve us, 77 if it does not let us, 64 if the command line is wrong.",
  ],
  options: {
    ttl: { value: "TIME", help: "the TTL that locks are to have (default 15s)" },
    json: { help: "say it as one JSON object" },
    ...connectionOptions,
  },
  operands: { min: 0, max: 0 },
  examples: [
    ["microlock doctor", "looks at the etcd that ETCDCTL_ENDPOINTS names"],
    [
      "microlock doctor --endpoints https://etcd-1:2379,https://etcd-2:2379 --cacert ca.pem --user ci",
      "looks at another one, as somebody else; ETCDCTL_PASSWORD has the password",
    ],
  ],
  load: () => import("../commands/doctor.ts"),
};
