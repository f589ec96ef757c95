import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { Widget } from '@lumino/widgets';
import * as React from 'react';

import type { IChart } from '../model/charts';

const VEGALITE = 'application/vnd.vegalite.v5+json';

/** A picture drawn by Lab's own Vega renderer, in Lab's theme. */
export function Chart(props: {
  chart: IChart;
  rendermime: IRenderMimeRegistry;
}): React.ReactElement {
  const { chart, rendermime } = props;
  const place = React.useRef<HTMLDivElement>(null);
  const key = JSON.stringify(chart.spec);
  const theme = document.body.dataset.jpThemeName;

  React.useEffect(() => {
    const node = place.current;
    if (!node || rendermime.preferredMimeType({ [VEGALITE]: {} }, 'any') === undefined) {
      return;
    }
    const renderer = rendermime.createRenderer(VEGALITE);
    const spec = {
      $schema: 'https://vega.github.io/schema/vega-lite/v5.json',
      width: 420,
      height: 180,
      config: colours(node),
      ...JSON.parse(key)
    };
    // An <img> inside: labels and values never become markup.
    Widget.attach(renderer, node);
    // Vega's own menu of actions is a button without a name.
    const metadata = { [VEGALITE]: { embed_options: { actions: false } } };
    void renderer.renderModel(rendermime.createModel({ data: { [VEGALITE]: spec }, metadata }));
    return () => renderer.dispose();
  }, [key, theme]);

  return (
    <figure className="jp-nbprod-chart">
      <figcaption>
        <strong>{chart.title}</strong>: {chart.summary}
      </figcaption>
      <div ref={place} />
    </figure>
  );
}

/** The theme's colours, read where the picture will stand. */
function colours(node: HTMLElement): object {
  const style = getComputedStyle(node);
  const of = (name: string): string => style.getPropertyValue(name).trim();
  const text = of('--jp-ui-font-color1');
  const grid = of('--jp-border-color2');
  return {
    background: 'transparent',
    axis: { labelColor: text, titleColor: text, gridColor: grid, domainColor: grid },
    legend: { labelColor: text, titleColor: text },
    view: { stroke: grid },
    range: {
      category: [of('--jp-brand-color1'), of('--jp-warn-color0'), text, of('--jp-success-color1')]
    }
  };
}
