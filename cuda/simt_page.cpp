// Makes the section of shared memory begin on a page, so that the scheduler can give it fresh pages.
extern "C" {
extern char simt_shared_page[];
alignas(4096) char simt_shared_page[64];
}
