// SPDX-License-Identifier: GPL-2.0-only
/*
 * A program with a hook for captures: the first byte of the destination MAC address, modulo 5, is the
 * verdict, so that a test has each of them at hand. hooked_frags is the same for packets in several buffers,
 * by their last byte.
 */
#include "bpf/include/capture_hook.h"

CAPTURE_HOOK(hook);
CAPTURE_HOOK(hook_frags);

SEC("xdp")
int hooked(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	__u32 verdict = XDP_ABORTED;

	if (data + 1 <= end)
		verdict = *(__u8 *)data % CAPTURE_HOOK_SLOTS;
	return capture_exit(ctx, &hook, verdict);
}

SEC("xdp.frags")
int hooked_frags(struct xdp_md *ctx)
{
	__u64 length = bpf_xdp_get_buff_len(ctx);
	__u8 last = 0;

	if (bpf_xdp_load_bytes(ctx, length - 1, &last, sizeof(last)))
		return capture_exit(ctx, &hook_frags, XDP_ABORTED);
	return capture_exit(ctx, &hook_frags, last & 1 ? XDP_DROP : XDP_PASS);
}

char LICENSE[] SEC("license") = "GPL";
