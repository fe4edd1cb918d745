using System.Management.Automation;

namespace EmailRouter.PowerShell.Pipeline;

/// <summary>Ends the invocation with an error record. Thrown in asynchronous code, turned into a terminating error on the pipeline thread.</summary>
/// <param name="record">The record.</param>
internal sealed class TerminatingErrorException(ErrorRecord record) : Exception(record.Exception.Message, record.Exception)
{
    /// <summary>Gets the record.</summary>
    public ErrorRecord Record { get; } = record;
}
