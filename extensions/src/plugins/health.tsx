import { ILayoutRestorer, JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette, IThemeManager } from '@jupyterlab/apputils';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { Message } from '@lumino/messaging';
import { Poll } from '@lumino/polling';
import * as React from 'react';

import { HealthModel } from '../model/health';
import { IWorkspace, Workspace } from '../model/workspace';
import { addHealthCommands } from '../commands/health';
import { addView } from '../commands/views';
import { CommandIDs } from '../tokens';
import { HealthBoard } from '../widgets/HealthBoard';
import { LiveWidget } from '../widgets/liveWidget';
import { IStageAction } from '../widgets/StageRow';

const INTERVAL_MS = 5000;

/** The health board of the deployment. */
const plugin: JupyterFrontEndPlugin<void> = {
  id: 'nbprod:health',
  description: 'A board of the deployment: traffic, latency, drift, predictions, alerts.',
  autoStart: true,
  requires: [IWorkspace, IRenderMimeRegistry],
  optional: [ICommandPalette, ILayoutRestorer, IThemeManager],
  activate: (
    app: JupyterFrontEnd,
    workspace: Workspace,
    rendermime: IRenderMimeRegistry,
    palette: ICommandPalette | null,
    restorer: ILayoutRestorer | null,
    themes: IThemeManager | null
  ) => {
    const { trans } = workspace;
    const model = new HealthModel(workspace.client, trans);
    const ask = async (): Promise<void> => {
      if (workspace.project) {
        await model.ask(workspace.project.path);
      }
    };
    addHealthCommands(app.commands, workspace, ask);
    workspace.work.ended.connect(() => void (model.board !== null && ask()));
    addView(app, palette, restorer, {
      command: CommandIDs.openHealth,
      id: 'nbprod-health',
      label: trans.__('Health'),
      caption: trans.__('How the deployment is: traffic, latency, drift, quality, alerts'),
      make: () => {
        const view = new HealthView(app, workspace, model, rendermime, ask);
        themes?.themeChanged.connect(() => view.update(), view);
        return view;
      }
    });
  }
};

class HealthView extends LiveWidget {
  constructor(
    app: JupyterFrontEnd,
    workspace: Workspace,
    model: HealthModel,
    rendermime: IRenderMimeRegistry,
    ask: () => Promise<void>
  ) {
    super(
      () => (
        <HealthBoard
          board={model.board}
          notice={model.notice ?? workspace.where.notice}
          predictions={model.predictions}
          rendermime={rendermime}
          actions={actionsOf(app, workspace)}
          onAcknowledge={shown =>
            void app.commands.execute(CommandIDs.acknowledge, { id: shown.alert.id })
          }
          onPrediction={id => void app.commands.execute(CommandIDs.openPrediction, { id })}
          trans={workspace.trans}
        />
      ),
      [model.changed, workspace.changed]
    );
    this.poll = new Poll({
      factory: ask,
      frequency: { interval: INTERVAL_MS, backoff: true, max: 60_000 },
      standby: () => (this.isVisible ? 'when-hidden' : true)
    });
    // A board that was restored with the page is there before its project is known.
    workspace.where.changed.connect(() => void (model.board === null && this.poll.refresh()), this);
  }

  dispose(): void {
    this.poll.dispose();
    super.dispose();
  }

  protected onAfterShow(message: Message): void {
    super.onAfterShow(message);
    void this.poll.refresh();
  }

  private poll: Poll;
}

function actionsOf(app: JupyterFrontEnd, workspace: Workspace): IStageAction[] {
  const { rollback, monitor, openWindow, openPrediction } = CommandIDs;
  const { commands } = app;
  return [rollback, monitor, openWindow, openPrediction].map(id => ({
    label: commands.label(id),
    caption: commands.caption(id),
    isEnabled: workspace.project !== null && commands.isEnabled(id),
    onClick: () => void commands.execute(id)
  }));
}

export default plugin;
