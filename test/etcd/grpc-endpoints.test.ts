import { describe, expect, it } from "vitest";
import { InvalidOptionError } from "../../src/errors.ts";
import { parseEndpoint, parseEndpoints } from "../../src/etcd/grpc/endpoints.ts";

describe("parseEndpoint", () => {
  it.each([
    ["127.0.0.1:2379", "127.0.0.1", 2379, undefined, "127.0.0.1:2379"],
    ["etcd-1.example.com:1", "etcd-1.example.com", 1, undefined, "etcd-1.example.com:1"],
    ["etcd", "etcd", 2379, undefined, "etcd:2379"],
    ["http://a:80", "a", 80, false, "a:80"],
    ["HTTPS://a:443/", "a", 443, true, "a:443"],
    ["[::1]:2380", "::1", 2380, undefined, "[::1]:2380"],
    ["https://[fe80::1]", "fe80::1", 2379, true, "[fe80::1]:2379"],
    [" a:5 ", "a", 5, undefined, "a:5"],
  ])("reads %s", (text, host, port, secure, name) => {
    expect(parseEndpoint(text)).toEqual({ host, port, secure, name });
  });

  it.each([
    "",
    " ",
    ":2379",
    "a:0",
    "a:65536",
    "a:b",
    "a:",
    "ftp://a:1",
    "http://a:1/path",
    "http://a:1?x=1",
    "user@a:1",
    "::1",
    "a b:1",
    "http://",
    "unix:///tmp/etcd.sock",
  ])("refuses %j", (text) => {
    expect(() => parseEndpoint(text, "target")).toThrow(InvalidOptionError);
    expect(() => parseEndpoint(text, "target")).toThrow(/^target must be like "host:port"/);
  });
});

describe("parseEndpoints", () => {
  it("keeps their order, and each only once", () => {
    const names = parseEndpoints(["b:1", "a:1", "http://b:1"]).map(({ name }) => name);
    expect(names).toEqual(["b:1", "a:1"]);
  });

  it("refuses none at all, and a mixture of http and https", () => {
    expect(() => parseEndpoints([])).toThrow(InvalidOptionError);
    expect(() => parseEndpoints(["http://a", "https://b"])).toThrow(
      "target must be either all http:// or all https://",
    );
  });
});
