import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type { Explanation } from '../api/client';
import { FindingList } from './FindingList';

export interface IPredictionStoryProps {
  story: Explanation;
  onReport: (path: string, title: string) => void;
  onPlace: (cellId: string, line: number | null) => void;
  trans: TranslationBundle;
}

/** One prediction from its answer back to the cells of the notebook that made it. */
export function PredictionStory(props: IPredictionStoryProps): React.ReactElement {
  const { story, trans } = props;
  const { prediction, outcome, release, gate, run, extraction, approvals } = story;
  return (
    <div className="jp-nbprod-story">
      <h2>{trans.__('Prediction %1', prediction.id)}</h2>
      <Facts
        facts={[
          [trans.__('answered at'), prediction.at],
          [trans.__('answer'), shown(prediction.output)],
          [trans.__('outcome'), outcome ? shown(outcome.outcome) : trans.__('not known yet')],
          [trans.__('release'), `${prediction.release} (${prediction.role})`],
          [trans.__('latency'), `${prediction.latency_ms.toFixed(1)} ms`],
          [trans.__('fallback'), prediction.degraded ? trans.__('yes') : trans.__('no')],
          [trans.__('module version'), prediction.module_version]
        ]}
      />
      <Values title={trans.__('Inputs')} values={prediction.inputs} />
      <Values title={trans.__('Features')} values={prediction.features} />
      <h2>{trans.__('Where it comes from')}</h2>
      <Facts
        facts={[
          [trans.__('release'), release && trans.__('%1 of %2', release.version, release.name)],
          [trans.__('frozen at'), release?.created_at],
          [trans.__('gate'), gate?.verdict],
          [
            trans.__('approvals'),
            approvals.map(item => `${item.by}: ${item.reason}`).join('; ') || null
          ],
          [trans.__('candidate'), run && String(run.candidate.number)],
          [trans.__('trained at'), run?.created_at],
          [trans.__('training data'), run && `${run.snapshot.uri} (${run.snapshot.rows})`],
          [trans.__('git commit'), run?.git_commit],
          [trans.__('notebook'), extraction?.notebook]
        ]}
      />
      {gate && (
        <button
          type="button"
          className="jp-nbprod-link"
          onClick={() => props.onReport(`gate-results/${gate.id}/report`, trans.__('Gate'))}
        >
          {trans.__("Open the gate's report")}
        </button>
      )}
      <FindingList
        findings={story.findings}
        cellOf={() => undefined}
        fixesOf={() => []}
        onPlace={props.onPlace}
        onFix={() => undefined}
        trans={trans}
      />
    </div>
  );
}

function Facts(props: { facts: [string, string | null | undefined][] }): React.ReactElement {
  return (
    <dl className="jp-nbprod-facts">
      {props.facts
        .filter(([, value]) => value)
        .map(([name, value]) => (
          <React.Fragment key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </React.Fragment>
        ))}
    </dl>
  );
}

function Values(props: { title: string; values: Record<string, unknown> }): React.ReactElement {
  return (
    <>
      <h2>{props.title}</h2>
      <Facts
        facts={Object.entries(props.values).map(([name, value]) => [name, shown(value)])}
      />
    </>
  );
}

function shown(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
