import { isIP } from "node:net";
import type { ConnectionOptions } from "node:tls";
import type { Endpoint } from "./endpoints.ts";

/** What is needed to trust etcd, and to be trusted by it. The server is always verified. */
export interface TlsOptions {
  /** The authorities to trust, in PEM. @default those that Node trusts */
  readonly ca?: string | Uint8Array | undefined;
  /** Our own certificate, in PEM, for an etcd that asks for one. */
  readonly cert?: string | Uint8Array | undefined;
  /** The key of `cert`, in PEM. */
  readonly key?: string | Uint8Array | undefined;
  /** The name that the server's certificate must have. @default the endpoint's host */
  readonly serverName?: string | undefined;
}

/** What Node needs to know to open a TLS connection to `endpoint`. */
export function tlsConnectionOptions(endpoint: Endpoint, tls: TlsOptions): ConnectionOptions {
  const name = tls.serverName ?? endpoint.host;
  return {
    host: endpoint.host,
    port: endpoint.port,
    ALPNProtocols: ["h2"],
    minVersion: "TLSv1.2",
    // An address must not be sent as a server name, but is compared with the certificate.
    ...(isIP(name) ? {} : { servername: name }),
    ...(tls.ca === undefined ? {} : { ca: Buffer.from(tls.ca) }),
    ...(tls.cert === undefined ? {} : { cert: Buffer.from(tls.cert) }),
    ...(tls.key === undefined ? {} : { key: Buffer.from(tls.key) }),
  };
}
