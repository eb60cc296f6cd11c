// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sends every packet out of another device, as it is: the one at key 0 of `targets`. Drops where nothing is
 * there.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32); /* ifindex */
} targets SEC(".maps");

enum counter {
	COUNTER_REDIRECTED,
	COUNTER_NO_TARGET,
	COUNTERS,
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, COUNTERS);
	__type(key, __u32);
	__type(value, __u64);
} counters SEC(".maps");

SEC("xdp")
int xdp_crosslink(struct xdp_md *ctx)
{
	/* The low bits of the flags are what the helper returns where the key has no device. */
	int verdict = bpf_redirect_map(&targets, 0, XDP_DROP);
	__u32 counter = verdict == XDP_REDIRECT ? COUNTER_REDIRECTED : COUNTER_NO_TARGET;
	__u64 *value = bpf_map_lookup_elem(&counters, &counter);

	if (value)
		(*value)++;
	return verdict;
}

char LICENSE[] SEC("license") = "GPL";
