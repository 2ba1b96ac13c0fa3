/**
 * The two ways that this server goes out by: what it scrapes, and where it sends on to.
 */
import type { Destination, ScrapeJob, ScrapeProblem } from "../../api/types";
import { Breakable } from "../../components/breakable";
import { Tag } from "../../components/tag";
import { count, duration, text } from "../../format";
import { ago, Cell, Row, Rows, secondsSince } from "./rows";
import { reasons, total } from "./words";

const JOB_HEADS = ["Job", "Targets", "State"];

export function Scraped({ jobs }: { jobs: ScrapeJob[] }) {
  const worst = [...jobs].sort((a, b) => troubles(b) - troubles(a));
  return (
    <section class="card" aria-label="What is scraped">
      <h3>What is scraped</h3>
      <Rows label="What is scraped" heads={JOB_HEADS}>
        {worst.map((job) => (
          <Row key={job.job} span={JOB_HEADS.length} below={problems(job)}>
            <Cell class="name">
              <Breakable name={job.job} />
            </Cell>
            <Cell class="num" word={job.targets === 1 ? " target" : " targets"}>
              {count(job.targets)}
            </Cell>
            <Cell class="last">
              <JobState job={job} />
            </Cell>
          </Row>
        ))}
      </Rows>
    </section>
  );
}

const troubles = (job: ScrapeJob): number => (job.down > 0 ? 2 : job.problems.length > 0 ? 1 : 0);

function JobState({ job }: { job: ScrapeJob }) {
  if (job.down > 0) return <Tag tone="worse">{`${count(job.down)} down`}</Tag>;
  if (job.problems.length > 0) return <Tag tone="unsure">look</Tag>;
  if (job.targets === 0) return <Tag tone="stable">no targets</Tag>;
  if (job.up < job.targets) return <Tag tone="stable">{`${count(job.up)} up`}</Tag>;
  return <Tag tone="better">up</Tag>;
}

/** What is wrong with a job, line by line; null where nothing is. */
function problems(job: ScrapeJob) {
  if (job.problems.length === 0) return null;
  return (
    <ul class="problems">
      {job.problems.map((one, i) => (
        <ProblemLine key={one.instance ?? i} one={one} />
      ))}
      {job.problems_more > 0 && <li>{`${count(job.problems_more)} more`}</li>}
    </ul>
  );
}

function ProblemLine({ one }: { one: ScrapeProblem }) {
  const since = secondsSince(one.last);
  return (
    <li>
      {one.instance !== null && (
        <b>
          <Breakable name={one.instance} />
        </b>
      )}{" "}
      <span class={one.health === "down" ? "bad" : "doubt"}>{one.error}</span>
      {since !== null && <span class="faint"> · {ago(since)}</span>}
    </li>
  );
}

const DESTINATION_HEADS = ["To", "Sent", "Waiting", "Lost", "State"];

export function SentOn({ destinations }: { destinations: Destination[] }) {
  return (
    <section class="card" aria-label="What is sent on">
      <h3>
        What is sent on <small>since the start</small>
      </h3>
      <Rows label="What is sent on" heads={DESTINATION_HEADS}>
        {destinations.map((to) => (
          <DestinationRow key={to.name} to={to} />
        ))}
      </Rows>
    </section>
  );
}

function DestinationRow({ to }: { to: Destination }) {
  const lost = total(to.dropped);
  return (
    <Row span={DESTINATION_HEADS.length} below={said(to, lost)}>
      <Cell class="name">
        <Breakable name={to.name} />
        <div class="faint address">
          <Breakable name={to.url} />
        </div>
      </Cell>
      <Cell class="num" word=" sent">
        {count(to.sent)}
      </Cell>
      <Cell class="num" word=" waiting">
        {count(to.waiting)}
      </Cell>
      <Cell class="num" word=" lost" minor={lost === 0}>
        {lost === 0 ? count(0) : <Tag tone="worse">{count(lost)}</Tag>}
      </Cell>
      <Cell class="last">
        <Tag tone={TONES[to.state] ?? "stable"}>{STATES[to.state] ?? to.state}</Tag>
      </Cell>
    </Row>
  );
}

const TONES: Record<string, "worse" | "unsure" | "better" | "stable"> = {
  healthy: "better",
  retrying: "stable",
  stuck: "worse",
  refusing: "worse",
};
const STATES: Record<string, string> = { healthy: "sending", refusing: "refuses some" };

/** Why it waits, what is lost and why; null where all is well. */
function said(to: Destination, lost: number) {
  const since = secondsSince(to.error?.at ?? null);
  const refused = secondsSince(to.refusal?.at ?? null);
  if (!to.error && !to.refusal && lost === 0) return null;
  return (
    <ul class="problems">
      {to.error && (
        <li>
          <span class={to.state === "stuck" ? "bad" : "doubt"}>{to.error.detail}</span>
          <span class="faint">
            {since !== null && ` · for ${duration(since)}`}
            {to.waiting_bytes > 0 && ` · ${text(to.waiting_bytes, "B")} on disk`}
          </span>
        </li>
      )}
      {to.refusal && (
        <li>
          <span class="doubt">{to.refusal.detail}</span>
          <span class="faint"> · {ago(refused)}</span>
        </li>
      )}
      {lost > 0 && <li>Lost: {reasons(to.dropped).join(", ")}</li>}
    </ul>
  );
}
