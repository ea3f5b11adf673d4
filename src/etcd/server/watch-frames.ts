import type { WatchEvent } from "../api.ts";
import { encodeFrame } from "../wire/framing.ts";
import { encodeWatchAnswer, type WatchAnswerSent } from "../wire/watch-messages-received.ts";
import { messageBytesMax } from "./check-frame.ts";

/**
 * What a watch has to tell of one revision: in one message, or, if the client said that it can
 * put them together, in several when that would be larger than a request may be.
 */
export function watchFrames(
  answer: WatchAnswerSent & { readonly events: readonly WatchEvent[] },
  mayFragment: boolean,
  bytesMax: number = messageBytesMax,
): Buffer[] {
  const whole = encodeFrame(answer, encodeWatchAnswer);
  if (!mayFragment || whole.length < bytesMax || answer.events.length < 2) return [whole];

  const frames: Buffer[] = [];
  let part: WatchEvent[] = [];
  let bytes = 0;
  for (const event of answer.events) {
    const size = sizeOf(event);
    if (part.length > 0 && bytes + size >= bytesMax) {
      frames.push(encodeFrame({ ...answer, events: part, fragment: true }, encodeWatchAnswer));
      part = [];
      bytes = 0;
    }
    part.push(event);
    bytes += size;
  }
  frames.push(encodeFrame({ ...answer, events: part }, encodeWatchAnswer));
  return frames;
}

/** At the most; keys are no longer than requests. */
function sizeOf({ kv, prevKv }: WatchEvent): number {
  const bytes = kv.key.length + kv.value.length + 80;
  return bytes + (prevKv ? prevKv.key.length + prevKv.value.length + 80 : 0);
}
