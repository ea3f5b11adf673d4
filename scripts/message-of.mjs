/**
 * What went wrong, as a person wants to read it: of a program, what it printed.
 *
 * @param {unknown} error
 */
export function messageOf(error) {
  const { stderr, message } = /** @type {{ stderr?: string, message: string }} */ (error);
  return stderr?.trim() || message.trim();
}
