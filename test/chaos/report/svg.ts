/** Text as it may stand in HTML and SVG. */
export function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);
}

/** A bar in a row, or a mark if it is as long as nothing, which says what it is when it is pointed at. */
export interface Bar {
  readonly from: number;
  readonly until: number;
  /** The class that gives it its colour. */
  readonly look: string;
  readonly tells: string;
}

/** A row of a timeline. */
export interface Row {
  readonly title: string;
  readonly height: number;
  /** Drawn one over the other, in this order. */
  readonly bars: readonly Bar[];
}

/** What a timeline shows. */
export interface Span {
  readonly from: number;
  readonly until: number;
}

const pxPerSecond = 14;
const titleWidth = 150;
const gap = 5;
const axisHeight = 22;
const thinnestPx = 2;

/** Rows over one axis of time in seconds, as SVG. */
export function timeline(rows: readonly Row[], span: Span): string {
  const x = (at: number): number =>
    titleWidth + ((clamped(at, span) - span.from) / 1_000) * pxPerSecond;
  const width = x(span.until) + 10;
  let y = axisHeight;
  const drawn = rows.map(({ title, height, bars }) => {
    const top = y;
    y += height + gap;
    const middle = top + height / 2 + 4;
    return [
      `<rect class="row" x="${titleWidth}" y="${top}" width="${px(x(span.until) - titleWidth)}" height="${height}"/>`,
      `<text x="${titleWidth - 8}" y="${px(middle)}" text-anchor="end">${escaped(title)}</text>`,
      ...bars.map(({ from, until, look, tells }) => {
        const wide = Math.max(thinnestPx, x(until) - x(from));
        return `<rect class="${look}" x="${px(x(from))}" y="${top}" width="${px(wide)}" height="${height}"><title>${escaped(tells)}</title></rect>`;
      }),
    ].join("\n");
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${px(width)}" height="${y}" role="img" aria-label="What happened, by time">`,
    ...axis(span, x, y),
    ...drawn,
    "</svg>",
  ].join("\n");
}

function axis(span: Span, x: (at: number) => number, height: number): readonly string[] {
  const everyMs = 5_000;
  const count = Math.floor((span.until - span.from) / everyMs) + 1;
  return Array.from({ length: count }, (_, index) => {
    const at = px(x(span.from + index * everyMs));
    return `<line class="axis" x1="${at}" x2="${at}" y1="${axisHeight - 6}" y2="${height}"/><text x="${at}" y="12" text-anchor="middle">${(index * everyMs) / 1_000} s</text>`;
  });
}

function clamped(at: number, { from, until }: Span): number {
  return Math.min(Math.max(at, from), until);
}

function px(value: number): string {
  return value.toFixed(1);
}
