/** What a message on the wire should never look like. */
export class MalformedMessageError extends Error {
  override name = "MalformedMessageError";
  /** The same, as Go's protobuf says it: clients of etcd may know the words. */
  readonly inGo: string;

  constructor(message: string, inGo: string = message) {
    super(message);
    this.inGo = inGo;
  }
}
