// The package has no types of its own.
declare module "node-etcd" {
  const Client: unknown;
  export default Client;
}
