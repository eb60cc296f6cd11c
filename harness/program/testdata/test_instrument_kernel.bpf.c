// SPDX-License-Identifier: GPL-2.0-only
/*
 * Programs that call functions of the kernel (Linux 6.7): objects of their own types in a list, whose map and
 * program must have the same BTF, and an exception.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

struct bpf_list_head {
	__u64 : 64;
	__u64 : 64;
} __attribute__((aligned(8)));

struct bpf_list_node {
	__u64 : 64;
	__u64 : 64;
	__u64 : 64;
} __attribute__((aligned(8)));

extern void *bpf_obj_new_impl(__u64 type, void *meta) __ksym;
extern void bpf_obj_drop_impl(void *object, void *meta) __ksym;
extern int bpf_list_push_front_impl(struct bpf_list_head *head, struct bpf_list_node *node, void *meta,
				    __u64 offset) __ksym;
extern struct bpf_list_node *bpf_list_pop_front(struct bpf_list_head *head) __ksym;
extern void bpf_throw(__u64 cookie) __ksym;

struct item {
	__u64 value;
	struct bpf_list_node node;
};

struct queue {
	struct bpf_spin_lock lock;
	struct bpf_list_head head __attribute__((btf_decl_tag("contains:item:node")));
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct queue);
} queues SEC(".maps");

static __always_inline __u32 choice(struct __sk_buff *skb)
{
	unsigned char *byte = (void *)(long)skb->data + 14;

	return (void *)(byte + 1) > (void *)(long)skb->data_end ? 0 : *byte;
}

SEC("tc")
int tc_list(struct __sk_buff *skb)
{
	__u32 first = 0;
	struct queue *queue = bpf_map_lookup_elem(&queues, &first);
	struct bpf_list_node *node;
	struct item *item;
	__u64 value;

	if (!queue)
		return TC_ACT_SHOT;
	item = bpf_obj_new_impl(bpf_core_type_id_local(struct item), 0);
	if (!item)
		return TC_ACT_SHOT;
	item->value = choice(skb);
	bpf_spin_lock(&queue->lock);
	bpf_list_push_front_impl(&queue->head, &item->node, 0, 0);
	node = bpf_list_pop_front(&queue->head);
	bpf_spin_unlock(&queue->lock);
	if (!node)
		return TC_ACT_SHOT;
	item = (void *)node - __builtin_offsetof(struct item, node);
	value = item->value;
	bpf_obj_drop_impl(item, 0);
	return value % 3;
}

SEC("tc")
int tc_throw(struct __sk_buff *skb)
{
	if (choice(skb) == 1)
		bpf_throw(TC_ACT_SHOT);
	return TC_ACT_OK;
}

char _license[] SEC("license") = "GPL";
