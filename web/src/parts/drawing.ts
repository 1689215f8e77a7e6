/** What uPlot draws, in the page's colours. */

import 'uplot/dist/uPlot.min.css';

import uPlot from 'uplot';

/** A line, step, area or row of bars. */
export interface Line {
  label: string;
  values: readonly (number | null)[];
  /** What the readout and the table show of a point. */
  text: (index: number) => string | null;
  /** Exact decimals for the table's files, where the values are rounded to draw them. */
  exact?: readonly string[];
  /** Which of the six colours. */
  tone: 1 | 2 | 3 | 4 | 5 | 6;
  /** Lengths of strokes and gaps; solid if left out. */
  dash?: readonly number[];
  kind?: 'line' | 'step' | 'area' | 'bars';
}

/** A vertical line; one that has a label says what it marks. */
export interface Marked {
  x: number;
  label?: string;
  dash?: readonly number[];
}

export interface Drawing {
  redraw: () => void;
  /** The chart with its title and legend, as it looks now. */
  png: (title: string) => Promise<Blob>;
  destroy: () => void;
}

interface Options {
  data: uPlot.AlignedData;
  lines: readonly Line[];
  height: number;
  time: boolean;
  axisText: (y: number) => string;
  /** Figures at the lower axis, where it isn't time. */
  xAxisText: ((x: number) => string) | undefined;
  marked: () => readonly Marked[];
  onHover: (index: number | null) => void;
  onPick: (x: number) => void;
}

/** The value of a token, with the light or the dark side chosen. */
function colours(element: HTMLElement): (token: string) => string {
  const probe = document.createElement('i');
  probe.hidden = true;
  element.append(probe);
  const dark = matchMedia('(prefers-color-scheme: dark)');
  // Each asks the browser to work out styles, and charts are drawn with every step of a scrub.
  const known = new Map<string, string>();
  return (token) => {
    const key = `${token} ${document.documentElement.dataset['theme'] ?? ''} ${String(dark.matches)}`;
    let colour = known.get(key);
    if (colour === undefined) {
      probe.style.color = `var(--${token})`;
      colour = getComputedStyle(probe).color;
      known.set(key, colour);
    }
    return colour;
  };
}

function withAlpha(colour: string, alpha: number): string {
  const [r, g, b] = colour.match(/[\d.]+/g) ?? ['0', '0', '0'];
  return `rgba(${r}, ${g}, ${b}, ${alpha})`;
}

/** Height of a label above the chart. */
const LABEL = 17;
const FONT = '12px system-ui, sans-serif';

/** Draws a chart into an element, for as long as its lines are the same; it follows the element’s width and the theme. */
export function draw(element: HTMLElement, options: Options): Drawing {
  const colour = colours(element);
  const { lines, height, time, axisText, xAxisText, data } = options;
  const labels = options.marked().filter(({ label }) => label !== undefined).length;
  const axis = (): uPlot.Axis => ({
    stroke: () => colour('soft'),
    font: FONT,
    grid: { stroke: () => colour('line'), width: 1 },
    ticks: { stroke: () => colour('line'), width: 1, size: 4 },
  });
  const plot = new uPlot(
    {
      width: Math.max(element.clientWidth, 120),
      height,
      legend: { show: false },
      ...(labels > 0 ? { padding: [4 + LABEL * labels, null, null, null] } : {}),
      scales: { x: { time } },
      cursor: {
        drag: { setScale: false, x: false, y: false },
        points: { size: 7 },
        bind: {
          click: (self) => () => {
            const { idx } = self.cursor;
            const x = idx === null || idx === undefined ? undefined : self.data[0][idx];
            if (x !== undefined) {
              options.onPick(x);
            }
            return null;
          },
        },
      },
      axes: [
        { ...axis(), size: 30, ...(xAxisText === undefined ? {} : { values: (_: uPlot, ticks: number[]) => ticks.map(xAxisText) }) },
        { ...axis(), size: 62, values: (_: uPlot, ticks: number[]) => ticks.map(axisText) },
      ],
      series: [{}, ...lines.map((line) => seriesOf(line, colour))],
      hooks: {
        setCursor: [
          (self) => {
            options.onHover(self.cursor.idx ?? null);
          },
        ],
        draw: [
          (self) => {
            const marks = options.marked();
            for (const [row, marked] of marks.entries()) {
              mark(self, marked, row, marks.length, colour('ink'));
            }
          },
        ],
      },
    },
    data,
    element,
  );

  const sized = new ResizeObserver(() => {
    const width = element.clientWidth;
    if (width > 0 && width !== plot.width) {
      plot.setSize({ width, height });
    }
  });
  sized.observe(element);
  const redraw = (): void => {
    plot.redraw(false);
  };
  const dark = matchMedia('(prefers-color-scheme: dark)');
  dark.addEventListener('change', redraw);
  const theme = new MutationObserver(redraw);
  theme.observe(document.documentElement, { attributes: true, attributeFilter: ['data-theme'] });
  return {
    redraw,
    png: (title) => picture(plot, title, lines, colour),
    destroy() {
      sized.disconnect();
      theme.disconnect();
      dark.removeEventListener('change', redraw);
      plot.destroy();
      element.replaceChildren();
    },
  };
}

function seriesOf(line: Line, colour: (token: string) => string): uPlot.Series {
  const stroke = (): string => colour(`tone-${line.tone}`);
  const kind = line.kind ?? 'line';
  const { bars, stepped } = uPlot.paths;
  return {
    label: line.label,
    stroke,
    width: kind === 'bars' ? 1 : 1.8,
    points: { show: line.values.length < 5 },
    ...(line.dash === undefined ? {} : { dash: [...line.dash] }),
    ...(kind === 'area' ? { fill: () => withAlpha(stroke(), 0.12) } : {}),
    ...(kind === 'bars' && bars !== undefined ? { paths: bars({ size: [0.8] }), fill: () => withAlpha(stroke(), 0.55) } : {}),
    ...(kind === 'step' && stepped !== undefined ? { paths: stepped({ align: 1 }) } : {}),
  };
}

function mark(plot: uPlot, { x, label, dash }: Marked, row: number, rows: number, colour: string): void {
  const { ctx, bbox } = plot;
  const at = Math.round(plot.valToPos(x, 'x', true));
  if (at < bbox.left || at > bbox.left + bbox.width) {
    return;
  }
  const scale = devicePixelRatio;
  // Labels stand above the chart, one below the other.
  const top = label === undefined ? bbox.top : bbox.top - (rows - row) * LABEL * scale;
  ctx.save();
  ctx.strokeStyle = colour;
  ctx.lineWidth = scale;
  ctx.setLineDash((dash ?? []).map((length) => length * scale));
  ctx.beginPath();
  ctx.moveTo(at + 0.5, label === undefined ? bbox.top : top + 16 * scale);
  ctx.lineTo(at + 0.5, bbox.top + bbox.height);
  ctx.stroke();
  if (label !== undefined) {
    ctx.fillStyle = colour;
    ctx.font = `${12 * scale}px system-ui, sans-serif`;
    ctx.textAlign = 'left';
    ctx.textBaseline = 'alphabetic';
    const width = ctx.measureText(label).width;
    const left = Math.min(Math.max(at - width / 2, 0), ctx.canvas.width - width);
    ctx.fillText(label, left, top + 12 * scale);
  }
  ctx.restore();
}

async function picture(
  plot: uPlot,
  title: string,
  lines: readonly Line[],
  colour: (token: string) => string,
): Promise<Blob> {
  const { canvas } = plot.ctx;
  const scale = devicePixelRatio;
  const [head, foot] = [34 * scale, 28 * scale];
  const made = document.createElement('canvas');
  made.width = canvas.width;
  made.height = canvas.height + head + foot;
  const ctx = made.getContext('2d');
  if (ctx === null) {
    throw new Error('this browser draws no pictures');
  }
  ctx.fillStyle = colour('card');
  ctx.fillRect(0, 0, made.width, made.height);
  ctx.drawImage(canvas, 0, head);
  ctx.fillStyle = colour('ink');
  ctx.font = `600 ${14 * scale}px system-ui, sans-serif`;
  ctx.fillText(title, 10 * scale, 22 * scale);
  ctx.font = `${12 * scale}px system-ui, sans-serif`;
  let left = 10 * scale;
  for (const line of lines) {
    const middle = head + canvas.height + 12 * scale;
    ctx.strokeStyle = colour(`tone-${line.tone}`);
    ctx.lineWidth = 2 * scale;
    ctx.setLineDash((line.dash ?? []).map((length) => length * scale));
    ctx.beginPath();
    ctx.moveTo(left, middle);
    ctx.lineTo(left + 24 * scale, middle);
    ctx.stroke();
    ctx.fillText(line.label, left + 30 * scale, middle + 4 * scale);
    left += 30 * scale + ctx.measureText(line.label).width + 18 * scale;
  }
  const blob = await new Promise<Blob | null>((resolve) => {
    made.toBlob(resolve, 'image/png');
  });
  if (blob === null) {
    throw new Error('the picture could not be made');
  }
  return blob;
}
