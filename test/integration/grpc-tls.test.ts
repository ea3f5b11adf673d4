import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { StoreDeniedError, StoreError } from "../../src/errors.ts";
import { GrpcEtcd, type GrpcEtcdOptions } from "../../src/etcd/grpc/grpc-etcd.ts";
import { Authority, type Certificate } from "../support/certificates.ts";
import { describeOnEveryEtcd, type EtcdServer, startEtcd } from "../support/etcd-server.ts";

let authority: Authority;
let stranger: Authority;
let serverCert: Certificate;
let expired: Certificate;
const open: GrpcEtcd[] = [];

beforeAll(async () => {
  [authority, stranger] = [new Authority(), new Authority()];
  serverCert = authority.issue("IP:127.0.0.1,DNS:etcd.test");
  expired = authority.issue("IP:127.0.0.1", { days: -1 });
});

afterEach(async () => {
  await Promise.all(open.splice(0).map((etcd) => etcd.close()));
});

afterAll(() => {
  authority.remove();
  stranger.remove();
});

function connect(server: EtcdServer, options: Partial<GrpcEtcdOptions> = {}): GrpcEtcd {
  const etcd = new GrpcEtcd({ endpoints: [server.endpoint], ...options });
  open.push(etcd);
  return etcd;
}

/** How a first call fails, and that it does so at once. */
async function failureOf(etcd: GrpcEtcd): Promise<StoreError> {
  const startedAt = performance.now();
  const error = await etcd.txn({}).catch((reason) => reason);
  expect(performance.now() - startedAt).toBeLessThan(1_000);
  expect(error).toBeInstanceOf(StoreError);
  return error;
}

const serverFiles = ({ certFile, keyFile }: Certificate) => ({
  ca: authority.caFile,
  cert: certFile,
  key: keyFile,
});

describeOnEveryEtcd("GrpcEtcd with TLS", (version) => {
  describe("to an etcd with a certificate", () => {
    let server: EtcdServer;

    beforeAll(async () => {
      server = await startEtcd({ version, tls: serverFiles(serverCert) });
    });

    afterAll(() => server.stop());

    it("connects when it knows the authority, by tls or by https://", async () => {
      const { ca } = authority;
      await connect(server, { tls: { ca } }).txn({});
      await connect(server, { endpoints: [server.url], tls: { ca: Buffer.from(ca) } }).txn({});
      await connect(server, { tls: { ca, serverName: "etcd.test" } }).txn({});
    });

    it("scenario 17: is denied when it does not know the authority", async () => {
      const error = await failureOf(connect(server, { tls: { ca: stranger.ca } }));
      expect(error).toBeInstanceOf(StoreDeniedError);
      expect(error).toMatchObject({
        status: "UNAVAILABLE",
        message: expect.stringContaining("from an authority that is not trusted"),
      });
      await expect(connect(server, { endpoints: [server.url] }).txn({})).rejects.toThrow(
        "from an authority that is not trusted",
      );
    });

    it("scenario 17: is denied when the certificate is for another host", async () => {
      const tls = { ca: authority.ca, serverName: "other.test" };
      const error = await failureOf(connect(server, { tls }));
      expect(error).toBeInstanceOf(StoreDeniedError);
      expect(error.message).toContain("its certificate is for another host name");
    });

    it("scenario 17: says so when it is addressed without TLS", async () => {
      const error = await failureOf(connect(server));
      expect(error.code).toBe("STORE_UNSUPPORTED");
      expect(error.message).toContain("it speaks TLS");
    });

    it("ends a watch for good when it is not trusted", async () => {
      const etcd = connect(server, { tls: { ca: stranger.ca } });
      const error = await new Promise((resolve) => {
        etcd.watch({ key: Buffer.from("k") }, { onEvents: () => {}, onEnd: resolve });
        void etcd.txn({}).catch(() => {});
      });
      expect(error).toBeInstanceOf(StoreDeniedError);
    });
  });

  it("scenario 17: is denied when the certificate has expired", async () => {
    const server = await startEtcd({ version, tls: serverFiles(expired) });
    try {
      const error = await failureOf(connect(server, { tls: { ca: authority.ca } }));
      expect(error).toBeInstanceOf(StoreDeniedError);
      expect(error.message).toContain("its certificate has expired");
    } finally {
      await server.stop();
    }
  });

  it("scenario 17: says so when etcd does not speak TLS", async () => {
    const server = await startEtcd({ version });
    try {
      const error = await failureOf(connect(server, { tls: { ca: authority.ca } }));
      expect(error.code).toBe("STORE_UNSUPPORTED");
      expect(error.message).toContain("it does not speak TLS");
    } finally {
      await server.stop();
    }
  });

  describe("to an etcd that asks for a certificate", () => {
    let server: EtcdServer;
    let client: Certificate;

    beforeAll(async () => {
      client = authority.issue("DNS:client");
      const { certFile: cert, keyFile: key } = client;
      const tls = { ...serverFiles(serverCert), client: { cert, key } };
      server = await startEtcd({ version, tls });
    });

    afterAll(() => server.stop());

    it("connects with one of the right authority", async () => {
      const { cert, key } = client;
      const etcd = connect(server, { tls: { ca: authority.ca, cert, key } });
      await etcd.txn({});
      await expect(etcd.leaseKeepAlive(1n)).resolves.toMatchObject({ ttl: 0n });
    });

    it("scenario 17: is denied without one", async () => {
      const error = await failureOf(connect(server, { tls: { ca: authority.ca } }));
      expect(error).toBeInstanceOf(StoreDeniedError);
      expect(error.message).toContain("it wants a client certificate");
    });

    it("scenario 17: is denied with one of another authority", async () => {
      const { cert, key } = stranger.issue("DNS:client");
      const error = await failureOf(connect(server, { tls: { ca: authority.ca, cert, key } }));
      expect(error).toBeInstanceOf(StoreDeniedError);
      expect(error.message).toMatch(/client certificate/);
    });

    it("scenario 17: is not even asked with a key that does not fit", () => {
      const { key } = authority.issue("DNS:client");
      const tls = { ca: authority.ca, cert: client.cert, key };
      expect(() => connect(server, { tls })).toThrow(
        /^tls\.key must be the private key of tls\.cert/,
      );
    });
  });
});
