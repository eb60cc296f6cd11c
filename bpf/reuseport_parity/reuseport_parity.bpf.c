// SPDX-License-Identifier: GPL-2.0-only
// Of the sockets that share an address and a port, the first gets what comes from even ports, the second what
// comes from odd ones; `chosen` counts both.
#include <linux/bpf.h>
#include <linux/types.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_REUSEPORT_SOCKARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, __u64);
} sockets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, __u64);
} chosen SEC(".maps");

SEC("sk_reuseport")
int reuseport_parity(struct sk_reuseport_md *ctx)
{
	__be16 source;
	__u32 index;
	__u64 *counter;

	// The data begins with the header of UDP or TCP, that with the source port.
	if ((void *)(long)ctx->data + sizeof(source) > (void *)(long)ctx->data_end)
		return SK_DROP;
	source = *(__be16 *)(long)ctx->data;
	index = bpf_ntohs(source) & 1;
	counter = bpf_map_lookup_elem(&chosen, &index);
	if (counter)
		++*counter;
	return bpf_sk_select_reuseport(ctx, &sockets, &index, 0) ? SK_DROP : SK_PASS;
}

char _license[] SEC("license") = "GPL";
