"""What only a training needs: the loop, samplers, prefetching, augmentation."""
