import type { Endpoint } from "./endpoints.ts";
import { ConnectFailure } from "./failures.ts";

const unreachable: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused",
  ECONNRESET: "connection reset",
  EHOSTUNREACH: "no route to the host",
  ENETUNREACH: "no route to the network",
  ENOTFOUND: "unknown host name",
  EAI_AGAIN: "the host name could not be looked up",
  ETIMEDOUT: "no answer",
  EPIPE: "connection closed",
};

// By Node's code, or by what OpenSSL says when the other side does not like our certificate.
const distrust: readonly (readonly [RegExp, string])[] = [
  [
    /SELF_SIGNED_CERT|UNABLE_TO_(VERIFY_LEAF_SIGNATURE|GET_ISSUER_CERT)|CERT_SIGNATURE_FAILURE/,
    "its certificate comes from an authority that is not trusted; is tls.ca the right one?",
  ],
  [/CERT_HAS_EXPIRED/, "its certificate has expired"],
  [/CERT_NOT_YET_VALID/, "its certificate is not valid yet"],
  [/ERR_TLS_CERT_ALTNAME_INVALID/, "its certificate is for another host name"],
  [
    /alert[ _](certificate[ _]required|handshake[ _]failure|bad[ _]certificate)/i,
    "it wants a client certificate that it trusts; are tls.cert and tls.key right?",
  ],
  [
    /alert[ _](unknown[ _]ca|certificate[ _](unknown|expired|revoked)|unsupported[ _]certificate|access[ _]denied)/i,
    "it does not accept our client certificate; is tls.cert the right one?",
  ],
];

/** What went wrong while connecting, in words, and whether it will stay so. */
export function connectFailure(endpoint: Endpoint, error: unknown): ConnectFailure {
  if (error instanceof ConnectFailure) return error;
  const { code = "", message = String(error) } = error as { code?: string; message?: string };
  const fail = (kind: ConnectFailure["kind"], words: string, isAbrupt = false): ConnectFailure =>
    new ConnectFailure(endpoint, kind, words, { cause: error, isAbrupt });

  const reason = distrust.find(([sign]) => sign.test(code) || sign.test(message))?.[1];
  if (reason) return fail("tls", `${reason} (${code})`);
  if (/wrong[ _]version[ _]number|packet length too long/i.test(`${code} ${message}`)) {
    return fail("protocol", "it does not speak TLS", true);
  }
  if (/^(EPROTO$|ERR_SSL_|ERR_TLS_|ERR_OSSL_|CERT_)/.test(code)) {
    return fail("tls", `${message} (${code})`);
  }
  if (code === "ERR_HTTP2_ERROR") return fail("protocol", "it does not speak HTTP/2", true);
  return fail("unreachable", unreachable[code] ?? message, code === "ECONNRESET");
}
