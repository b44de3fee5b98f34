from orchwipy_runtime import ConditionalReturns, Detach, MapEach, MicroFunctions, Parallel, ReturnUpdates

pipe = MicroFunctions(beginer="sort")  # E

ReturnUpdates(5)  # E
ReturnUpdates("pack", 5)  # E
ReturnUpdates()  # E
ConditionalReturns("size")  # E
ConditionalReturns(["size"], ReturnUpdates("post"))  # E
ConditionalReturns("size", None)  # E
ConditionalReturns("size", ReturnUpdates("post"), large="freight")  # E
Parallel("post", join=3)  # E
Parallel("post", merge={"sizes": "lits"})  # E
Parallel("post", on_error="ignore")  # E
MapEach("post", item="parcel")  # E
MapEach("post", "pack", over="parcels", item="parcel")  # E
Detach("audit", then=3)  # E
Detach("audit", note="")  # E
