/**
 * What comes in, from where, and what became of it; what is scraped and sent on; and how to point a
 * program here.
 */
import { fetchSources } from "../../api/client";
import { Heading } from "../../components/heading";
import { usePolled } from "../../components/remote";
import { SentOn, Scraped } from "./exchange";
import { Incoming } from "./incoming";
import { Ways } from "./ways";
import { detail, title } from "./words";

const POLL_SECONDS = 5;

export function Sources() {
  const answer = usePolled(fetchSources, POLL_SECONDS);
  const { value, error } = answer.state.value;
  // This host's own collection is the overview's matter.
  const sources = (value?.sources ?? []).filter((one) => one.protocol !== "host");
  const jobs = value?.scraping ?? [];
  const destinations = value?.forwarding ?? [];
  return (
    <>
      {value === null ? (
        <Heading title="Sources" />
      ) : (
        <Heading title={title(sources, jobs, destinations)} detail={detail(sources)} />
      )}
      {error && <p class="banner">{error}</p>}
      {sources.length > 0 && <Incoming sources={sources} jobs={jobs} />}
      {jobs.length > 0 && <Scraped jobs={jobs} />}
      {destinations.length > 0 && <SentOn destinations={destinations} />}
      <Ways />
    </>
  );
}
