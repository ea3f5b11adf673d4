import type { StoreStatus } from "../../errors.ts";
import type { Endpoint } from "./endpoints.ts";

/** Why a call has no answer to return. Becomes an error of the port at the edge, in errors.ts. */
export class CallFailure extends Error {
  override name = "CallFailure";
  /**
   * - `unsent`: the request did not leave this machine, or the server says that it did not
   *   look at it. It can be asked again elsewhere.
   * - `lost`: the connection broke, or the answer is of no use; it may have been carried out.
   * - `answered`: the server's own status.
   */
  readonly kind: "unsent" | "lost" | "answered";
  readonly status: StoreStatus;

  constructor(
    kind: CallFailure["kind"],
    status: StoreStatus,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.kind = kind;
    this.status = status;
  }
}

/** Why there is no connection to one endpoint. */
export class ConnectFailure extends Error {
  override name = "ConnectFailure";
  readonly endpoint: Endpoint;
  /**
   * - `unreachable`: nobody is there; it may be otherwise in a moment.
   * - `tls`: the two do not trust each other; it stays so until somebody mends it.
   * - `protocol`: somebody is there who is no etcd, or is addressed in the wrong way.
   */
  readonly kind: "unreachable" | "tls" | "protocol";
  /** Whether somebody was there who hung up, or made no sense: perhaps TLS where none is expected. */
  readonly isAbrupt: boolean;

  constructor(
    endpoint: Endpoint,
    kind: ConnectFailure["kind"],
    message: string,
    options: ErrorOptions & { readonly isAbrupt?: boolean } = {},
  ) {
    super(message, options);
    this.endpoint = endpoint;
    this.kind = kind;
    this.isAbrupt = options.isAbrupt ?? false;
  }
}

/** Why there is no connection to any endpoint. */
export class NoConnection extends Error {
  override name = "NoConnection";
  readonly failures: readonly ConnectFailure[];

  constructor(failures: readonly ConnectFailure[]) {
    super(failures.map(({ endpoint, message }) => `${endpoint.name} (${message})`).join(", "));
    this.failures = failures;
  }
}
