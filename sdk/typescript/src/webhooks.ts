/** Messages of Standard Webhooks: https://github.com/standard-webhooks/standard-webhooks */

const bytes = (text: string): Uint8Array<ArrayBuffer> => Uint8Array.from(atob(text), (each) => each.charCodeAt(0));

/** Whether the secret (`whsec_…`) signed this very text at most five minutes ago. */
export const verify = async (body: string, headers: Headers, secret: string, nowMs = Date.now()): Promise<boolean> => {
  const id = headers.get("webhook-id") ?? "";
  const seconds = headers.get("webhook-timestamp") ?? "";
  if (!id || !/^\d{1,12}$/.test(seconds) || Math.abs(nowMs / 1000 - Number(seconds)) > 300) return false;
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("raw", bytes(secret.replace(/^whsec_/, "")), algorithm, false, ["verify"]);
  const told = new TextEncoder().encode(`${id}.${seconds}.${body}`);
  for (const each of (headers.get("webhook-signature") ?? "").split(" ")) {
    const [version, given = ""] = each.split(",");
    if (version !== "v1" || !/^[A-Za-z0-9+/]{43}=$/.test(given)) continue;
    if (await crypto.subtle.verify(algorithm, key, bytes(given), told)) return true;
  }
  return false;
};
