import { StoreError } from "../../errors.ts";
import { encodeFrame } from "../wire/framing.ts";
import { MalformedMessageError } from "../wire/malformed-message-error.ts";
import type { ProtobufReader } from "../wire/protobuf-reader.ts";
import type { ProtobufWriter } from "../wire/protobuf-writer.ts";
import type { CallHandler, ServerCall } from "./server-call.ts";

/** What is served under one name: it takes a call, and says who answers it. */
export type Method = (call: ServerCall) => CallHandler;

/** The methods of a service, by their names. */
export type Service = Readonly<Record<string, Method>>;

/** A method that takes one message and returns one. */
export function unary<Request, Response>(
  decode: (reader: ProtobufReader) => Request,
  answer: (request: Request) => Promise<Response> | Response,
  encode: (response: Response, writer: ProtobufWriter) => void,
): Method {
  const reply = async (message: ProtobufReader): Promise<Buffer> => {
    const request = decoded(message, decode, "grpc: error unmarshalling request");
    return encodeFrame(await answer(request), encode);
  };
  return (call) => ({
    onMessage(message) {
      call.hearNoMore();
      reply(message).then(
        (frame) => call.finish(frame),
        (error: unknown) => call.fail(error),
      );
    },
    onHalfClose(isTruncated) {
      call.end("UNKNOWN", isTruncated ? "unexpected EOF" : "EOF");
    },
  });
}

/** A method that is always refused, once its message is there. */
export function refused(status: StoreError["status"], message: string): Method {
  return unary(
    () => undefined,
    () => Promise.reject(new StoreError(status, message)),
    () => {},
  );
}

/**
 * A message on a stream of many.
 *
 * @throws {StoreError} that says what is wrong with it.
 */
export function decodeStreamed<Request>(
  message: ProtobufReader,
  decode: (reader: ProtobufReader) => Request,
): Request {
  return decoded(message, decode, "grpc: failed to unmarshal the received message");
}

function decoded<Request>(
  message: ProtobufReader,
  decode: (reader: ProtobufReader) => Request,
  complaint: string,
): Request {
  try {
    return decode(message);
  } catch (error) {
    if (!(error instanceof MalformedMessageError)) throw error;
    throw new StoreError("INTERNAL", `${complaint}: ${error.inGo}`, { cause: error });
  }
}
