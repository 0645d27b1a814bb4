/** A Next.js route that starts a Checkout: Stripe brings the click back with the payment, and refledger reads it there. */

import { cookies } from "next/headers";
import { NextResponse } from "next/server";
import Stripe from "stripe";

const stripe = new Stripe(process.env.STRIPE_KEY ?? "");

export async function POST(request: Request): Promise<NextResponse> {
  const [code = "", clickId = ""] = ((await cookies()).get("refledger")?.value ?? "").split(".");
  const origin = new URL(request.url).origin;
  const session = await stripe.checkout.sessions.create({
    mode: "payment",
    line_items: [{ price: process.env.STRIPE_PRICE ?? "", quantity: 1 }],
    success_url: `${origin}/thanks`,
    ...(clickId || code ? { client_reference_id: clickId || code } : {}),
  });
  return NextResponse.redirect(session.url ?? origin, 303);
}
