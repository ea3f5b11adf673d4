import assert from "node:assert/strict";
import type { Leadership } from "../../../../src/index.ts";
import {
  holding,
  isFree,
  isHeldOnce,
  type Operation,
  stands,
  type Taking,
  taking,
} from "../stage.ts";

const campaign: Taking<Leadership> = ({ locks, name }) => locks.election(name).campaign("me");

/** What candidates and leaders do. */
export const elections: readonly Operation[] = [
  taking("campaign", campaign),
  holding("proclaim", campaign, async (stage, leadership) => {
    await leadership.proclaim("news");
    return async () => {
      assert.equal(leadership.value, "news");
      const leader = await stage.others.election(stage.name).leader();
      assert.equal(leader?.value, "news");
      assert.equal(leader?.fencingToken, leadership.fencingToken);
      await isHeldOnce(stage, leadership);
      await leadership.release();
    };
  }),
  {
    ...holding("resign", campaign, async (stage, leadership) => {
      await leadership.resign();
      await isFree(stage);
      return async () => {
        assert.equal(await stage.others.election(stage.name).leader(), undefined);
      };
    }),
    isFinal: true,
  },
  {
    title: "leader",
    prepare: async (stage) => {
      const leadership = await stage.others.election(stage.name).campaign("them");
      await stands(stage, 1);
      return async () => {
        const leader = await stage.locks.election(stage.name).leader();
        return async () => {
          assert.equal(leader?.fencingToken, leadership.fencingToken);
          await leadership.resign();
        };
      };
    },
  },
];
