/**
 * What comes in: a row for each sender, protocol and signal, with what was not kept below it.
 */
import type { ScrapeJob, Source } from "../../api/types";
import { Breakable } from "../../components/breakable";
import { Tag } from "../../components/tag";
import { count, number } from "../../format";
import { ago, Cell, Row, Rows, secondsSince } from "./rows";
import { inOrder, reasons, total } from "./words";

/** A source that sent nothing for so long is silent. */
const SILENT_SECONDS = 300;
const HEADS = ["Sender", "How", "A second", "Kept", "Refused", "Last"];

export function Incoming({ sources, jobs }: { sources: Source[]; jobs: ScrapeJob[] }) {
  return (
    <section class="card" aria-label="What comes in">
      <h3>What comes in</h3>
      <Rows label="What comes in" heads={HEADS}>
        {inOrder(sources).map((one) => (
          <Sender
            key={`${one.protocol} ${one.signal} ${one.source}`}
            one={one}
            down={one.protocol === "scrape" ? downOf(one.source, jobs) : null}
          />
        ))}
      </Rows>
    </section>
  );
}

/** `1 of 2 down`, where a job's targets are. */
function downOf(name: string, jobs: readonly ScrapeJob[]): string | null {
  const job = jobs.find((known) => known.job === name);
  if (!job || job.down === 0) return null;
  return job.targets === 1 ? "down" : `${count(job.down)} of ${count(job.targets)} down`;
}

function Sender({ one, down }: { one: Source; down: string | null }) {
  const refused = total(one.refused);
  const since = secondsSince(one.last);
  const silent = since !== null && since > SILENT_SECONDS;
  return (
    <Row span={HEADS.length} below={unkept(one)}>
      <Cell class="name">
        <Breakable name={one.source} /> {down && <Tag tone="worse">{down}</Tag>}
      </Cell>
      <Cell class="soft">
        {one.protocol.replace("_", " ")} · {one.signal}
      </Cell>
      <Cell class="num" word="/s">
        {number(one.rate)}
      </Cell>
      <Cell class="num" word=" kept">
        {count(one.accepted)}
      </Cell>
      <Cell class="num" word=" refused" minor={refused === 0}>
        {refused === 0 ? count(0) : <Tag tone="unsure">{count(refused)}</Tag>}
      </Cell>
      <Cell class="last">{silent ? <Tag tone="unsure">{ago(since)}</Tag> : ago(since)}</Cell>
    </Row>
  );
}

/** What was refused and why, filtered, or late; null where all is well. */
function unkept({ refused, filtered, delayed }: Source) {
  const why = reasons(refused);
  const rest = [
    filtered > 0 && `${count(filtered)} dropped by a filter`,
    delayed > 0 && `${count(delayed)} older than a minute when received`,
  ].filter((words) => words !== false);
  if (why.length + rest.length === 0) return null;
  return (
    <ul class="reasons">
      {why.map((words) => (
        <li key={words} class="doubt">
          {words}
        </li>
      ))}
      {rest.map((words) => (
        <li key={words}>{words}</li>
      ))}
    </ul>
  );
}
