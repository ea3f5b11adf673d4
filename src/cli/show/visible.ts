// What moves cursors, rings bells, breaks lines or turns the direction of writing. No part of it
// belongs to a name that means well.
const harmful = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/gu;

const named: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/**
 * A text that others may have written, as it can be shown on a terminal and in a column: control
 * characters come out as `\n`, `\x1b` or `\u{202e}`, all else as it is.
 */
export function visible(text: string): string {
  return text.replace(harmful, (character) => named[character] ?? escaped(character));
}

function escaped(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u{${code.toString(16)}}`;
}

/** A text of JSON, where the same come out as JSON has them. */
export function visibleJson(json: string): string {
  return json.replace(
    harmful,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
