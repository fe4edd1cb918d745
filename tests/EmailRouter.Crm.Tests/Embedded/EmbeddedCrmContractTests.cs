namespace EmailRouter.Crm.Tests.Embedded;

public sealed class InMemoryCrmContractTests : RecordStoreContract
{
    protected override async Task<RecordStoreWorld> CreateAsync() => await EmbeddedWorld.InMemoryAsync();
}

public sealed class OnDiskCrmContractTests : RecordStoreContract
{
    protected override async Task<RecordStoreWorld> CreateAsync() => await EmbeddedWorld.OnDiskAsync();
}
