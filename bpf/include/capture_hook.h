/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A hook for captures, for XDP programs that want one: `knetlab capture` (and xdpcap, whose protocol this is)
 * then sees each packet as it leaves the program, with its verdict.
 *
 *	#include "capture_hook.h"
 *
 *	CAPTURE_HOOK(hook);
 *
 *	SEC("xdp")
 *	int filter(struct xdp_md *ctx)
 *	{
 *		...
 *		return capture_exit(ctx, &hook, XDP_DROP);
 *	}
 *
 * The hook is a program array with a slot for each verdict. While nobody captures, its slots are empty, the
 * tail call falls through, and the program returns as it would have: that costs one helper call. A capture
 * program returns the verdict of its slot, so that nothing changes for the packet. Pin the map where captures
 * find it:
 *
 *	bpftool map pin name hook /sys/fs/bpf/hook
 *	knetlab capture /sys/fs/bpf/hook out.pcapng 'udp port 53'
 *
 * Use it where the main function returns. A tail call from a bpf-to-bpf function returns to that function's
 * caller, with the verdict as its result.
 */
#ifndef KNETLAB_CAPTURE_HOOK_H
#define KNETLAB_CAPTURE_HOOK_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define CAPTURE_HOOK_SLOTS 5 /* XDP_ABORTED to XDP_REDIRECT */

#define CAPTURE_HOOK(name)                                                                                   \
	struct {                                                                                             \
		__uint(type, BPF_MAP_TYPE_PROG_ARRAY);                                                       \
		__uint(max_entries, CAPTURE_HOOK_SLOTS);                                                     \
		__uint(key_size, sizeof(__u32));                                                             \
		__uint(value_size, sizeof(__u32));                                                           \
	} name SEC(".maps")

/* The verdict, shown to whoever captures. An unknown one is beyond the hook's slots and falls through. */
static __always_inline int capture_exit(struct xdp_md *ctx, void *hook, __u32 verdict)
{
	bpf_tail_call(ctx, hook, verdict);
	return verdict;
}

#endif /* KNETLAB_CAPTURE_HOOK_H */
