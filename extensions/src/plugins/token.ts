import { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';

import { IWorkspace, Workspace } from '../model/workspace';
import { INbprod } from '../tokens';

/** What other extensions get to see. */
const plugin: JupyterFrontEndPlugin<INbprod> = {
  id: 'nbprod:token',
  description: 'Offers the state of the current project to other extensions.',
  autoStart: true,
  requires: [IWorkspace],
  provides: INbprod,
  activate: (_: JupyterFrontEnd, workspace: Workspace) => workspace
};

export default plugin;
