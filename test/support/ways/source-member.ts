const mark = /\r\nx-server-from: ([0-9a-f]+)\r\n/i;

/**
 * Which member of etcd made a connection to another one: the id in hex that it says in the head of
 * its requests; nothing as long as it has not. Members ask for each other's version without it.
 */
export function sourceMember(sent: Buffer): string | undefined {
  return mark.exec(sent.toString("latin1"))?.[1]?.toLowerCase();
}
