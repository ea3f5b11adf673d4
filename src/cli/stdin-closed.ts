import { SignalReceived } from "./signal-received.ts";

/** Our stdin was closed, as a terminal is closed that sends SIGHUP. */
export class StdinClosed extends SignalReceived {
  override name = "StdinClosed";

  constructor() {
    super("SIGHUP");
    this.message = "stdin was closed before our turn had come";
  }
}
