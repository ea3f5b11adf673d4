import type { EmbeddedEtcd } from "../embedded/embedded-etcd.ts";
import { encodeHeaderOnly, writeHeader } from "../wire/header-message.ts";
import { refused, type Service, unary } from "./method.ts";

/** Users and roles: there are none, and it says so as an etcd does that has none. */
export function authService(store: EmbeddedEtcd): Service {
  const nothing = unary(
    () => undefined,
    () => ({ header: store.header }),
    encodeHeaderOnly,
  );
  const noUser = refused("FAILED_PRECONDITION", "etcdserver: user name not found");
  const noRole = refused("FAILED_PRECONDITION", "etcdserver: role name not found");
  const neither = refused("UNIMPLEMENTED", "microlock: there are no users and roles here");
  return {
    AuthStatus: unary(
      () => undefined,
      () => store.header,
      (header, writer) => {
        writeHeader(writer, header);
        writer.int64(3, 1n);
      },
    ),
    Authenticate: refused("FAILED_PRECONDITION", "etcdserver: authentication is not enabled"),
    AuthEnable: refused("FAILED_PRECONDITION", "etcdserver: root user does not exist"),
    AuthDisable: nothing,
    UserAdd: neither,
    UserGet: noUser,
    UserList: nothing,
    UserDelete: noUser,
    UserChangePassword: noUser,
    UserGrantRole: noUser,
    UserRevokeRole: noUser,
    RoleAdd: neither,
    RoleGet: noRole,
    RoleList: nothing,
    RoleDelete: noRole,
    RoleGrantPermission: noRole,
    RoleRevokePermission: noRole,
  };
}
