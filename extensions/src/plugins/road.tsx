import { ILayoutRestorer, JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { INotebookTracker } from '@jupyterlab/notebook';
import { Poll } from '@lumino/polling';
import * as React from 'react';

import type { Stage } from '../api/client';
import { jobWithNumbers } from '../model/cellNumbers';
import { InspectionModel } from '../model/inspection';
import { IWorkspace, Workspace } from '../model/workspace';
import { addCellCommands } from '../commands/cells';
import { addProjectCommands } from '../commands/project';
import { addRoadCommands } from '../commands/road';
import { addRolloutCommands } from '../commands/rollout';
import { cancelJob } from '../commands/run';
import { CommandIDs } from '../tokens';
import { nbprodIcon } from '../widgets/icons';
import { LiveWidget } from '../widgets/liveWidget';
import { RoadPanel } from '../widgets/RoadPanel';
import { IStageAction } from '../widgets/StageRow';

const INTERVAL_MS = 15_000;

/** The panel on the right: every stage of the road with its button, and the jobs. */
const plugin: JupyterFrontEndPlugin<void> = {
  id: 'nbprod:road',
  description: 'The road from the notebook to production, one button a stage.',
  autoStart: true,
  requires: [IWorkspace, INotebookTracker],
  optional: [ICommandPalette, ILayoutRestorer],
  activate: (
    app: JupyterFrontEnd,
    workspace: Workspace,
    tracker: INotebookTracker,
    palette: ICommandPalette | null,
    restorer: ILayoutRestorer | null
  ) => {
    const { commands, shell } = app;
    const { trans } = workspace;
    addRoadCommands(commands, workspace, tracker);
    addRolloutCommands(commands, workspace);
    addProjectCommands(commands, workspace, tracker);
    addCellCommands(app, workspace, tracker);

    const panel = new LiveWidget(() => {
      const current = tracker.currentWidget;
      return drawRoad(app, workspace, current ? workspace.inspectionOf(current) : null);
    }, [workspace.changed, workspace.inspected, tracker.currentChanged]);
    panel.id = 'nbprod-road';
    panel.title.icon = nbprodIcon;
    panel.title.caption = trans.__('nbprod: the road to production');
    panel.node.setAttribute('role', 'region');
    panel.node.setAttribute('aria-label', trans.__('The road to production'));
    shell.add(panel, 'right', { rank: 450, type: 'nbprod' });
    restorer?.add(panel, 'nbprod-road');

    /** Bring the panel forward, and the keyboard to one of its buttons. */
    const reveal = async (find: (node: HTMLElement) => HTMLElement | null): Promise<void> => {
      shell.activateById(panel.id);
      panel.node.focus();
      await workspace.refresh();
      // One frame for the message that draws the panel, one for what it draws.
      await new Promise(requestAnimationFrame);
      await new Promise(requestAnimationFrame);
      await panel.renderPromise;
      if (document.activeElement === panel.node) {
        find(panel.node)?.focus(); // nobody went elsewhere meanwhile
      }
    };

    commands.addCommand(CommandIDs.openRoad, {
      label: trans.__('Show the road to production'),
      caption: trans.__('Every stage from the notebook to the watched service'),
      icon: nbprodIcon,
      describedBy: { args: { type: 'object', properties: {} } },
      execute: () => reveal(nextButton)
    });
    commands.addCommand(CommandIDs.showFindings, {
      label: trans.__('Show the findings of this notebook'),
      caption: trans.__('What nbprod has to say of the open notebook, each with the way to its cell'),
      describedBy: { args: { type: 'object', properties: {} } },
      execute: () => reveal(node => node.querySelector('.jp-nbprod-findings button'))
    });
    // What a controller or another person does to the deployment is no job of this server.
    const poll = new Poll({
      factory: () => workspace.refresh(),
      frequency: { interval: INTERVAL_MS, backoff: false },
      standby: () => (panel.isVisible ? 'when-hidden' : true)
    });
    panel.disposed.connect(() => poll.dispose());
    workspace.where.changed.connect(() => commands.notifyCommandChanged());
    for (const command of inPalette()) {
      palette?.addItem({ command, category: trans.__('nbprod') });
    }
  }
};

/** The button of the step that the road wants next; the first one where there is none. */
function nextButton(node: HTMLElement): HTMLElement | null {
  return (
    node.querySelector<HTMLElement>('button.jp-mod-accept:enabled') ??
    node.querySelector<HTMLElement>('button:enabled')
  );
}

function inPalette(): string[] {
  const { openRoad, extract, sync, contract, parity, train, gate, approve, reject } = CommandIDs;
  const { release, deploy, shadow, promote, rollback, pause, resume, abort, undeploy } = CommandIDs;
  const { monitor, createProject, refresh, proposeRoles } = CommandIDs;
  const { showFindings, nextFinding, fixFinding } = CommandIDs;
  return [
    ...[openRoad, extract, sync, contract, parity, train, gate, approve, reject, release, deploy],
    ...[shadow, promote, rollback, pause, resume, abort, undeploy, monitor, createProject, refresh],
    ...[showFindings, nextFinding, fixFinding, proposeRoles]
  ];
}

function drawRoad(
  app: JupyterFrontEnd,
  workspace: Workspace,
  inspection: InspectionModel | null
): React.ReactElement {
  const { commands } = app;
  const view = workspace.project;
  const action = (id: string, isNext = false): IStageAction => ({
    label: commands.label(id),
    caption: commands.caption(id),
    isEnabled: commands.isEnabled(id),
    isNext,
    onClick: () => void commands.execute(id)
  });
  return (
    <RoadPanel
      path={workspace.where.path}
      view={view}
      notice={workspace.where.notice ?? workspace.work.notice}
      jobs={workspace.ownJobs.map(job => jobWithNumbers(job, inspection?.numbers ?? new Map()))}
      findings={inspection?.findings ?? []}
      cellOf={cellId => inspection?.cellOf(cellId)}
      fixesOf={finding => inspection?.fixesOf(finding) ?? []}
      actionsOf={stage => commandsOf(stage).map(id => action(id, view?.next_stage === stage.name))}
      rollout={(view?.verbs ?? [])
        .map(verb => `nbprod:${verb}`)
        .filter(id => commands.hasCommand(id))
        .map(id => action(id))}
      readLog={(id, offset) => workspace.client.getJobLog(id, offset)}
      onCreate={() => void commands.execute(CommandIDs.createProject)}
      onRetry={() => void commands.execute(CommandIDs.refresh)}
      onCancel={job => void cancelJob(workspace, job)}
      onReport={(path, title) => void commands.execute(CommandIDs.openReport, { path, title })}
      onPlace={(cellId, line) => void commands.execute(CommandIDs.showCell, { cellId, line })}
      onFix={fix =>
        void commands.execute(CommandIDs.fixFinding, { changes: fix.changes, title: fix.title })
      }
      trans={workspace.trans}
    />
  );
}

function commandsOf(stage: Stage): string[] {
  const { approve, reject, contract, deploy, gate, monitor } = CommandIDs;
  const { extract, sync, parity, release, train } = CommandIDs;
  const known: Record<string, string[]> = {
    extract: [stage.verb === 'sync' ? sync : extract],
    contract: [contract],
    parity: [parity],
    train: [train],
    gate: [gate],
    approve: [approve, reject],
    release: [release],
    deploy: [deploy],
    health: [monitor]
  };
  return known[stage.name] ?? [];
}

export default plugin;
