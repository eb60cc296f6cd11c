// SPDX-License-Identifier: GPL-2.0-only
// Maps and global variables: sizes, contents, pinning wishes, per-CPU values.
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u64);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} verdict_of_length SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, __u32);
} runs SEC(".maps");

const volatile __u32 otherwise = XDP_PASS;
__u16 small = 7;
__u64 seen;

SEC("xdp")
int by_length(struct xdp_md *ctx)
{
	__u32 length = ctx->data_end - ctx->data;
	__u64 *verdict = bpf_map_lookup_elem(&verdict_of_length, &length);
	__u32 zero = 0;
	__u32 *count = bpf_map_lookup_elem(&runs, &zero);

	if (count)
		(*count)++;
	seen += small;
	return verdict ? *verdict : otherwise;
}

char _license[] SEC("license") = "GPL";
