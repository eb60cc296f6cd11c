// SPDX-License-Identifier: GPL-2.0-only
// A program array that the object itself fills, a global function, and a program that the verifier refuses
// beside them.
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

int second(struct xdp_md *ctx);

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 2);
	__uint(key_size, sizeof(__u32));
	__array(values, int(void *));
} next_programs SEC(".maps") = {
    .values = {[1] = (void *)&second},
};

__attribute__((noinline)) int global_function(struct xdp_md *ctx)
{
	return ctx->rx_queue_index > 1000 ? XDP_ABORTED : XDP_TX;
}

SEC("xdp")
int first(struct xdp_md *ctx)
{
	bpf_tail_call(ctx, &next_programs, 1);
	return XDP_ABORTED;
}

SEC("xdp_second")
int second(struct xdp_md *ctx)
{
	return global_function(ctx);
}

SEC("xdp")
int oops(struct xdp_md *ctx)
{
	return *(int *)(long)ctx->data;
}

/* Of no type that its section, name or context could tell, and refused with each. */
SEC("unknown")
int untyped(void *ctx)
{
	return *(int *)5;
}

char _license[] SEC("license") = "GPL";
