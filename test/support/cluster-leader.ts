import type { EtcdCluster, EtcdServer } from "./etcd-server.ts";

/** The member that leads. Waits until there is one. */
export async function leaderOf({ members }: EtcdCluster): Promise<EtcdServer> {
  for (;;) {
    for (const member of members) {
      const { stdout, code } = await member.etcdctl("endpoint", "status", "--write-out=json");
      const [entry] = code === 0 ? JSON.parse(stdout) : [];
      if (entry && entry.Status.leader === entry.Status.header.member_id) return member;
    }
  }
}
