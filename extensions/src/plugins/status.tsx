import { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { IStatusBar } from '@jupyterlab/statusbar';
import * as React from 'react';

import { isLive } from '../model/jobs';
import { stageOf } from '../model/verbs';
import { IWorkspace, Workspace } from '../model/workspace';
import { CommandIDs } from '../tokens';
import { LiveWidget } from '../widgets/liveWidget';
import { StatusItem } from '../widgets/StatusItem';

/** Parity and health of the open notebook in the status bar. */
const plugin: JupyterFrontEndPlugin<void> = {
  id: 'nbprod:status',
  description: 'Parity and health of the open notebook, and the jobs at work, in the status bar.',
  autoStart: true,
  requires: [IWorkspace, IStatusBar],
  activate: (app: JupyterFrontEnd, workspace: Workspace, bar: IStatusBar) => {
    const item = new LiveWidget(() => {
      const view = workspace.project;
      return (
        <StatusItem
          parity={view ? stageOf(view, 'parity') : undefined}
          health={view ? stageOf(view, 'health') : undefined}
          running={workspace.ownJobs.filter(isLive).length}
          onClick={() => void app.commands.execute(CommandIDs.openRoad)}
          trans={workspace.trans}
        />
      );
    }, [workspace.changed]);
    item.addClass('jp-nbprod-status');
    bar.registerStatusItem('nbprod:status', {
      item,
      align: 'right',
      rank: 40,
      isActive: () => workspace.project !== null,
      activeStateChanged: workspace.changed
    });
  }
};

export default plugin;
