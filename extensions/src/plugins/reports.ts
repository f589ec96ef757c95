import { ILayoutRestorer, JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { MainAreaWidget, WidgetTracker } from '@jupyterlab/apputils';

import { noticeOf } from '../model/trouble';
import { IWorkspace, Workspace } from '../model/workspace';
import { inMainArea } from '../commands/views';
import { CommandIDs } from '../tokens';
import { ReportDocument } from '../widgets/reportDocument';

type Report = MainAreaWidget<ReportDocument>;

/** Reports of parity, gate, shadow and health as documents of the main area. */
const plugin: JupyterFrontEndPlugin<void> = {
  id: 'nbprod:reports',
  description: 'Opens reports as documents; they come back with the page.',
  autoStart: true,
  requires: [IWorkspace],
  optional: [ILayoutRestorer],
  activate: (app: JupyterFrontEnd, workspace: Workspace, restorer: ILayoutRestorer | null) => {
    const { trans } = workspace;
    const tracker = new WidgetTracker<Report>({ namespace: 'nbprod-reports' });
    const asked = new WeakMap<Report, { path: string; project: string; title: string }>();

    app.commands.addCommand(CommandIDs.openReport, {
      label: trans.__('Open report'),
      describedBy: {
        args: {
          type: 'object',
          properties: {
            path: { type: 'string', description: trans.__('as in gate-results/<id>/report') },
            project: { type: 'string' },
            title: { type: 'string' }
          },
          required: ['path']
        }
      },
      execute: async args => {
        const path = String(args.path);
        const project = String(args.project ?? workspace.project?.path ?? '');
        const title = String(args.title ?? path);
        const id = `nbprod-report-${project}-${path}`;
        let report = tracker.find(item => item.id === id);
        if (!report) {
          report = inMainArea(new ReportDocument(title), id, title);
          report.title.caption = path;
          asked.set(report, { path, project, title });
          app.shell.add(report, 'main', { type: 'nbprod' });
          await tracker.add(report);
        }
        app.shell.activateById(report.id);
        try {
          report.content.setContent(await workspace.client.getPage(path, project));
        } catch (error) {
          const { message, hint } = noticeOf(error, trans);
          report.content.tell(`${message} ${hint}`);
        }
      }
    });
    void restorer?.restore(tracker, {
      command: CommandIDs.openReport,
      name: report => report.id,
      args: report => asked.get(report) ?? {}
    });
  }
};

export default plugin;
