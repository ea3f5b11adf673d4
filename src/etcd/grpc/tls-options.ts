import { X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import { type ConnectionOptions, createSecureContext, type SecureContextOptions } from "node:tls";
import { InvalidOptionError } from "../../errors.ts";
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

/**
 * Finds out what no server has to be asked for.
 *
 * @throws {InvalidOptionError} when a certificate or key is damaged, the two do not belong
 *   together, or an endpoint says that it is for plain text.
 */
export function checkTls({ ca, cert, key }: TlsOptions, endpoints: readonly Endpoint[]): void {
  const plain = endpoints.find(({ secure }) => secure === false);
  if (plain) {
    throw new InvalidOptionError("tls", `left out for http://${plain.name}`, { ca, cert, key });
  }
  const texts = {
    ...(cert === undefined ? {} : { cert: Buffer.from(cert) }),
    ...(key === undefined ? {} : { key: Buffer.from(key) }),
  };
  if (ca !== undefined) check("tls.ca", "a certificate", ca, () => new X509Certificate(ca));
  if (cert !== undefined) check("tls.cert", "a certificate", cert, contextOf({ cert: texts.cert }));
  if (key !== undefined) check("tls.key", "the private key of tls.cert", key, contextOf(texts));
}

function contextOf(options: SecureContextOptions): () => void {
  return () => createSecureContext(options);
}

function check(option: string, expected: string, pem: string | Uint8Array, use: () => void): void {
  try {
    use();
  } catch (cause) {
    const words = /^error:\w+:(.*)/.exec((cause as Error).message)?.[1] ?? (cause as Error).message;
    throw new InvalidOptionError(option, `${expected} in PEM (${words})`, pem, { cause });
  }
}
