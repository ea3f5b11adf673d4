// What man reads: https://man7.org/linux/man-pages/man7/groff_man.7.html

/** A text as roff has to have it: what it would take for its own is escaped. */
export function roff(text: string): string {
  return (
    text
      .replaceAll("\\", "\\e")
      // A hyphen may become a dash, and cannot be copied then.
      .replaceAll("-", "\\-")
      .replace(/[^\n -~]/gu, (sign) => `\\[u${hex(sign)}]`)
      .replaceAll("~", "\\(ti")
      .replaceAll("^", "\\(ha")
      .replaceAll("`", "\\(ga")
      .replaceAll("'", "\\(aq")
      .replace(/^\./gm, "\\&.")
  );
}

function hex(sign: string): string {
  return (sign.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0");
}

export function section(title: string): string {
  return `.SH ${title}`;
}

export function subsection(title: string): string {
  return `.SS "${roff(title)}"`;
}

export function paragraph(text: string): string {
  return `.PP\n${roff(text)}`;
}

/** A word in bold, and below it what it means. */
export function entry(word: string, meaning: string): string {
  return `.TP\n.B ${quoted(word)}\n${roff(meaning)}`;
}

/** Lines that stand as they are. */
export function verbatim(lines: readonly string[]): string {
  return [".PP", ".nf", ".RS", ...lines.map(roff), ".RE", ".fi"].join("\n");
}

/** An argument of a macro. */
function quoted(text: string): string {
  return `"${roff(text).replaceAll('"', "\\(dq")}"`;
}
