import { ILayoutRestorer, JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette, InputDialog, MainAreaWidget, WidgetTracker } from '@jupyterlab/apputils';
import * as React from 'react';

import type { Explanation } from '../api/client';
import { INotice, noticeOf } from '../model/trouble';
import { IWorkspace, Workspace } from '../model/workspace';
import { inMainArea } from '../commands/views';
import { CommandIDs, NAME } from '../tokens';
import { LiveWidget } from '../widgets/liveWidget';
import { Notice } from '../widgets/Notice';
import { PredictionStory } from '../widgets/PredictionStory';

type Place = { id: string; project: string };

/** The full story of one prediction, by its id. */
const plugin: JupyterFrontEndPlugin<void> = {
  id: 'nbprod:predictions',
  description: 'Opens the story of a prediction: from its answer back to the cells that made it.',
  autoStart: true,
  requires: [IWorkspace],
  optional: [ICommandPalette, ILayoutRestorer],
  activate: (
    app: JupyterFrontEnd,
    workspace: Workspace,
    palette: ICommandPalette | null,
    restorer: ILayoutRestorer | null
  ) => {
    const { trans } = workspace;
    const tracker = new WidgetTracker<MainAreaWidget>({ namespace: 'nbprod-predictions' });
    const places = new WeakMap<MainAreaWidget, Place>();
    app.commands.addCommand(CommandIDs.openPrediction, {
      label: trans.__('Open a prediction…'),
      caption: trans.__('The full story of one prediction, by its id'),
      isEnabled: () => workspace.project !== null,
      describedBy: {
        args: {
          type: 'object',
          properties: { id: { type: 'string' }, project: { type: 'string' } }
        }
      },
      execute: async args => {
        const id = String(args.id ?? (await askId(workspace)) ?? '').trim();
        if (!id) {
          return;
        }
        const project = String(args.project ?? workspace.project?.path ?? '');
        const name = `nbprod-prediction-${id}`;
        let widget = tracker.find(item => item.id === name);
        if (!widget) {
          const story = storyOf(app, workspace, { id, project });
          widget = inMainArea(story, name, trans.__('Prediction %1', id.slice(-8)));
          widget.title.caption = id;
          places.set(widget, { id, project });
          app.shell.add(widget, 'main', { type: NAME });
          await tracker.add(widget);
        }
        app.shell.activateById(name);
      }
    });
    palette?.addItem({ command: CommandIDs.openPrediction, category: NAME });
    void restorer?.restore(tracker, {
      command: CommandIDs.openPrediction,
      name: widget => widget.id,
      args: widget => places.get(widget) ?? {}
    });
  }
};

async function askId(workspace: Workspace): Promise<string | null> {
  const { trans } = workspace;
  const answer = await InputDialog.getText({
    title: trans.__('Open a prediction'),
    label: trans.__('Its id, as the answer of the service had it'),
    okLabel: trans.__('Open'),
    required: true
  });
  return answer.button.accept ? answer.value : null;
}

function storyOf(app: JupyterFrontEnd, workspace: Workspace, place: Place): LiveWidget {
  const { trans } = workspace;
  const { commands } = app;
  let story: Explanation | null = null;
  let notice: INotice | null = null;
  const widget = new LiveWidget(() => {
    if (!story) {
      return <Notice message={notice?.message ?? trans.__('Loading…')} hint={notice?.hint ?? ''} />;
    }
    return (
      <PredictionStory
        story={story}
        onReport={(path, title) =>
          void commands.execute(CommandIDs.openReport, { path, title, project: place.project })
        }
        onPlace={(cellId, line) => void commands.execute(CommandIDs.showCell, { cellId, line })}
        trans={trans}
      />
    );
  }, []);
  workspace.client.getWhy(place.id, place.project).then(
    told => {
      story = told;
      widget.update();
    },
    error => {
      notice = noticeOf(error, trans);
      widget.update();
    }
  );
  return widget;
}

export default plugin;
