// The logo of the product: a drop in a rounded square.
import logo from "../logo.svg";

export function Logo({ size = 24 }: { size?: number }) {
  return <img src={logo} width={size} height={size} alt="" />;
}
