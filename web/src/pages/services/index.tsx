/**
 * Services, or the one that the address names.
 */
import { subject } from "../../state/view";
import { ServiceList } from "./list";
import { ServicePage } from "./service";

export function Services() {
  const name = subject.value;
  return name === null ? <ServiceList /> : <ServicePage key={name} name={name} />;
}
