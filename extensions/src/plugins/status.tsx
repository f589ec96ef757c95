import { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { INotebookTracker } from '@jupyterlab/notebook';
import { IStatusBar } from '@jupyterlab/statusbar';
import { Signal } from '@lumino/signaling';
import * as React from 'react';

import type { Finding } from '../api/client';
import { isLive } from '../model/jobs';
import { stageOf } from '../model/verbs';
import { IWorkspace, Workspace } from '../model/workspace';
import { CommandIDs } from '../tokens';
import { LiveWidget } from '../widgets/liveWidget';
import { StatusItem } from '../widgets/StatusItem';

/** Findings, parity and health of the open notebook in the status bar. */
const plugin: JupyterFrontEndPlugin<void> = {
  id: 'nbprod:status',
  description: 'Findings, parity and health of the open notebook, and jobs at work, in the status bar.',
  autoStart: true,
  requires: [IWorkspace, INotebookTracker, IStatusBar],
  activate: (
    app: JupyterFrontEnd,
    workspace: Workspace,
    tracker: INotebookTracker,
    bar: IStatusBar
  ) => {
    const findings = (): readonly Finding[] => {
      const panel = tracker.currentWidget;
      return (panel && workspace.inspectionOf(panel)?.findings) ?? [];
    };
    const changed = new Signal<IStatusBar, void>(bar);
    const tell = (): void => changed.emit();
    workspace.changed.connect(tell);
    workspace.inspected.connect(tell);
    tracker.currentChanged.connect(tell);
    const item = new LiveWidget(() => {
      const view = workspace.project;
      return (
        <StatusItem
          parity={view ? stageOf(view, 'parity') : undefined}
          health={view ? stageOf(view, 'health') : undefined}
          findings={findings()}
          running={workspace.ownJobs.filter(isLive).length}
          onClick={() => void app.commands.execute(CommandIDs.openRoad)}
          onFindings={() => void app.commands.execute(CommandIDs.showFindings)}
          trans={workspace.trans}
        />
      );
    }, [changed]);
    item.addClass('jp-nbprod-status');
    bar.registerStatusItem('nbprod:status', {
      item,
      align: 'right',
      rank: 40,
      isActive: () => workspace.project !== null || findings().length > 0,
      activeStateChanged: changed
    });
  }
};

export default plugin;
