// SPDX-License-Identifier: GPL-2.0-only
/*
 * Drops packets whose last byte is odd, in XDP with fragments (Linux 5.18): of a jumbo frame that byte stands
 * beyond what data and data_end span, and only bpf_xdp_load_bytes() gets there. Counts packets and bytes.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

enum counter {
	COUNTER_PACKETS,
	COUNTER_BYTES,
	COUNTER_IN_FRAGMENTS, /* packets that do not lie in one piece */
	COUNTERS,
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, COUNTERS);
	__type(key, __u32);
	__type(value, __u64);
} counters SEC(".maps");

static __always_inline void add(__u32 counter, __u64 amount)
{
	__u64 *value = bpf_map_lookup_elem(&counters, &counter);

	if (value)
		*value += amount;
}

SEC("xdp.frags")
int xdp_tail_byte(struct xdp_md *ctx)
{
	__u64 length = bpf_xdp_get_buff_len(ctx);
	__u8 last = 0;

	add(COUNTER_PACKETS, 1);
	add(COUNTER_BYTES, length);
	if (length > ctx->data_end - ctx->data)
		add(COUNTER_IN_FRAGMENTS, 1);
	if (bpf_xdp_load_bytes(ctx, length - 1, &last, sizeof(last)))
		return XDP_ABORTED;
	return last & 1 ? XDP_DROP : XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
