import { JupyterFrontEndPlugin } from '@jupyterlab/application';

import cells from './plugins/cells';
import findings from './plugins/findings';
import flow from './plugins/flow';
import health from './plugins/health';
import manager from './plugins/manager';
import moduleView from './plugins/module';
import notices from './plugins/notices';
import predictions from './plugins/predictions';
import reports from './plugins/reports';
import road from './plugins/road';
import status from './plugins/status';
import token from './plugins/token';

const plugins: JupyterFrontEndPlugin<unknown>[] = [
  manager,
  token,
  cells,
  findings,
  road,
  notices,
  moduleView,
  flow,
  reports,
  health,
  predictions,
  status
];

export default plugins;
