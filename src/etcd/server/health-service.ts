import { StoreError } from "../../errors.ts";
import { type Service, unary } from "./method.ts";

const serving = 1;

/** The health check that gRPC has for all servers. We are well for as long as we answer. */
export const healthService: Service = {
  Check: unary(
    (reader) => {
      let service = "";
      while (reader.next()) {
        if (reader.field === 1) service = reader.string();
        else reader.skip();
      }
      return service;
    },
    (service) => {
      if (service !== "") throw new StoreError("NOT_FOUND", "unknown service");
    },
    (_, writer) => writer.uint32(1, serving),
  ),
};
