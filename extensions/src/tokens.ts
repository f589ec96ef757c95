import { Token } from '@lumino/coreutils';
import { ISignal } from '@lumino/signaling';

import type { components } from './api/types';

/** The names that the rest of the extension, and other extensions, know it by. */

/** The extension's name: its translation domain, the prefix of its plugins and commands. */
export const NAME = 'nbprod';

/** nbprod in this Lab, for other extensions: what the current notebook's project is and does. */
export const INbprod = new Token<INbprod>(
  'nbprod:INbprod',
  'Where the project of the current notebook stands on its way to production.'
);

/** See the token. */
export interface INbprod {
  /** The project of the current notebook; null without one. */
  readonly project: components['schemas']['ProjectView'] | null;
  /** The server's jobs, newest first. */
  readonly jobs: readonly components['schemas']['Job'][];
  readonly changed: ISignal<INbprod, void>;
  /** Ask the server anew. */
  refresh(): Promise<void>;
}

/** The commands, as palette, menus, toolbars and shortcuts name them. */
export namespace CommandIDs {
  export const pickRole = 'nbprod:pick-role';
  export const setRole = 'nbprod:set-role';
  export const proposeRoles = 'nbprod:propose-roles';

  export const showFindings = 'nbprod:show-findings';
  export const nextFinding = 'nbprod:next-finding';
  export const fixFinding = 'nbprod:fix-finding';

  export const openRoad = 'nbprod:open-road';
  export const openModule = 'nbprod:open-module';
  export const openFlow = 'nbprod:open-flow';
  export const openHealth = 'nbprod:open-health';
  export const openReport = 'nbprod:open-report';
  export const openPrediction = 'nbprod:open-prediction';
  export const openWindow = 'nbprod:open-window';
  export const showCell = 'nbprod:show-cell';
  export const refresh = 'nbprod:refresh';

  export const createProject = 'nbprod:create-project';
  export const extract = 'nbprod:extract';
  export const sync = 'nbprod:sync';
  export const contract = 'nbprod:contract';
  export const parity = 'nbprod:parity';
  export const train = 'nbprod:train';
  export const gate = 'nbprod:gate';
  export const approve = 'nbprod:approve';
  export const reject = 'nbprod:reject';
  export const release = 'nbprod:release';
  export const deploy = 'nbprod:deploy';
  export const shadow = 'nbprod:shadow';
  export const promote = 'nbprod:promote';
  export const rollback = 'nbprod:rollback';
  export const pause = 'nbprod:pause';
  export const resume = 'nbprod:resume';
  export const abort = 'nbprod:abort';
  export const undeploy = 'nbprod:undeploy';
  export const monitor = 'nbprod:monitor';
  export const acknowledge = 'nbprod:acknowledge';
}
