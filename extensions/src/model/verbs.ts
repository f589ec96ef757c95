import { TranslationBundle } from '@jupyterlab/translation';

import type { ProjectView, Stage } from '../api/client';

/** What a step that touches live traffic will do, in words, before it is done. */
export function consequence(
  action: string,
  view: ProjectView,
  trans: TranslationBundle
): string {
  const name = view.name;
  const champion = view.traffic['champion'] ?? '?';
  const previous = view.traffic['previous'] ?? '?';
  const canary = view.traffic['canary'] ?? '?';
  switch (action) {
    case 'rollback':
      return trans.__(
        'All traffic of %1 goes from release %2 (champion) to release %3 (previous), at once. Requests already inside finish where they are.',
        name,
        champion,
        previous
      );
    case 'promote':
      return trans.__(
        'Release %2 (canary) becomes the champion of %1 and gets all traffic; release %3 stays warm as previous.',
        name,
        canary,
        champion
      );
    case 'abort':
      return trans.__(
        'The trial on %1 ends at once; release %2 (champion) answers everything.',
        name,
        champion
      );
    case 'pause':
      return trans.__('The rollout of %1 takes no step forward; its guards stay armed.', name);
    case 'resume':
      return trans.__('The rollout of %1 takes its steps again.', name);
    default:
      return trans.__(
        '%1 stops answering: every request to it fails from now on, and the engine that deploy started for it is ended.',
        name
      );
  }
}

/** How a release may be put before callers. */
export interface IDeployment {
  trial: 'canary' | 'shadow' | 'ab' | null;
  label: string;
  consequence: string;
}

/** The ways to deploy the newest release: on trial where another one is champion already. */
export function waysToDeploy(view: ProjectView, trans: TranslationBundle): IDeployment[] {
  const release = newestRelease(view);
  const champion = view.traffic['champion'];
  const name = view.name;
  if (champion === undefined) {
    return [
      {
        trial: null,
        label: trans.__('champion: all traffic at once'),
        consequence: trans.__(
          'Release %1 of %2 starts to answer requests, as champion. A local Ray is started for it if none is there.',
          release,
          name
        )
      }
    ];
  }
  return [
    {
      trial: 'canary',
      label: trans.__('canary: a small share first, more while its guards hold'),
      consequence: trans.__(
        'Release %1 answers a share of the requests to %2 as canary; release %3 stays champion. The share grows as nbprod.toml says, and falls to nothing when a guard fails.',
        release,
        name,
        champion
      )
    },
    {
      trial: 'shadow',
      label: trans.__('shadow: sees the traffic, answers nobody'),
      consequence: trans.__(
        'Release %1 sees the requests to %2 and answers nobody; release %3 stays champion.',
        release,
        name,
        champion
      )
    },
    {
      trial: 'ab',
      label: trans.__('A/B test: the treatment of an experiment'),
      consequence: trans.__(
        'Release %1 answers its share of the requests to %2 until the planned experiment ends; release %3 stays champion.',
        release,
        name,
        champion
      )
    }
  ];
}

/** The version of the newest release, as text; "" without one. */
export function newestRelease(view: ProjectView): string {
  return stageOf(view, 'release')?.record?.id ?? '';
}

/** A stage by its name. */
export function stageOf(view: ProjectView, name: string): Stage | undefined {
  return view.stages.find(stage => stage.name === name);
}
